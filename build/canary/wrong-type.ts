/** Wrong on purpose: `npm run check` fails when the compiler does not report this line. */
export const canary: number = "not a number";
