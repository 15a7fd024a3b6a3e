/** Gives a person a file to save. */
export function saveFile(name: string, parts: readonly BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob([...parts], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by the next minute; kept, it would stay for as long as the window.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
