/** Questions to owners and their answers in words. */
import type { Decision, Question } from '../../rotation/rotation.ts';
import type { Instant } from '../../usage/instant.ts';
import { span } from '../../usage/span.ts';
import { ago } from './time.ts';

/** `2, asked 3 d ago, last repeated 5 h ago` */
export function questionWords({ number, askedAt, remindedAt }: Question, now: Instant): string {
  const repeated = remindedAt > askedAt ? `, last repeated ${ago(remindedAt, now)}` : '';
  return `${number}, asked ${ago(askedAt, now)}${repeated}`;
}

/** `extend by 24 h, 3 h ago by ada (question 2)` */
export function decisionWords({ choice, seconds, at, by, question }: Decision, now: Instant): string {
  const how = seconds === undefined ? '' : ` by ${span(seconds)}`;
  return `${choice}${how}, ${ago(at, now)} by ${by}${question > 0 ? ` (question ${question})` : ''}`;
}
