/** Asks about many credentials at once, but not about all: ten thousand questions would only wait in line. */

const atOnce = 20;

/** @returns the answers in the order of the questions. */
export async function inParallel<Question, Answer>(
  questions: readonly Question[],
  ask: (question: Question) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const rest = questions.entries();
  const answers: Answer[] = [];
  const worker = async (): Promise<void> => {
    for (const [at, question] of rest) answers[at] = await ask(question);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}
