/** What the tests read out of a Markdown page: its links, the places that can be linked to, its code. */

/** Links within the project, as written. */
export const linksIn = (page: string): readonly string[] =>
  [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));

/** What follows the `#` of a link to each heading, as GitHub makes it. */
export function slugsIn(page: string): readonly string[] {
  const headings = [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The fenced blocks of a language, outdented where a list holds them. */
export const fencesIn = (page: string, language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\`$`, 'gms'))].map(
    ([, indent = '', body = '']) => body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

const withoutCode = (page: string): string => page.replaceAll(/^ *```.*?^ *```$/gms, '');
