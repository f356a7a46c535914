/** Limits of loading a guest, as limits.ts has those of hv itself. */

const MIB = 1024 * 1024;

/** A file beside the sources that goes into the image, and to every replica: a larger one does not. */
export const EMBEDDED_FILE_BYTES_MAX: number = 4 * MIB;
/** All of them together: they are in the guest's memory from the start. What is more is left out and named. */
export const EMBEDDED_FILES_BYTES_MAX: number = 32 * MIB;
export const EMBEDDED_FILES_MAX = 4_096;
/** Files missing in an image that are told of: who did not read twenty lines does not read the next. */
export const MISSING_FILES_TOLD_MAX = 20;
/** Images kept for the next start, and their bytes: some hundred programs. Past it the one that was
 * used longest ago goes. */
export const KEPT_IMAGES_MAX = 128;
export const KEPT_IMAGES_BYTES_MAX: number = 512 * MIB;
