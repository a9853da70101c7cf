/** The ways in which a secret may stand in a text that is searched for it. */

/** A secret in plain, in a URL, and in base64: alone, or anywhere in a longer text, as a Basic header has it. */
export const spellings = (secret: string): readonly string[] => {
  const base64 = [0, 1, 2].map((offset) => base64At(offset, Buffer.from(secret)));
  const inUrls = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [secret, encodeURIComponent(secret), ...base64, ...inUrls];
};

/** The letters that are the secret's alone, where `offset` bytes, and any number of threes, stand before it. */
function base64At(offset: number, secret: Buffer): string {
  const text = Buffer.concat([Buffer.alloc(offset), secret]).toString('base64');
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + secret.length) * 8) / 6));
}
