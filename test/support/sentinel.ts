/** The text that every fake hands out inside its secrets: where it shows up, a secret has leaked. */

export const SENTINEL = 'SENTINEL-sk-7Qm2vX9tLr4WbZ8n';
