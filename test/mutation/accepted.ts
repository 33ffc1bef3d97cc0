/** Survivors that stay, each with its reason. A survivor that is not here is a missing test. */
import type { Accepted } from './mutants.js';

export const ACCEPTED: readonly Accepted[] = [];
