/** Something in a layer above. */
export const planted = "agent";
