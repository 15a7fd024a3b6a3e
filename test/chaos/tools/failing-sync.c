/*
 * Preloaded into a member: makes its syncs fail or hang while a file exists.
 *
 * CHAOS_SYNC_FILE names the file. Its first letter says what happens to every fsync and fdatasync:
 * 'e' fails at once with EIO; 's' stalls until the file is gone. Without the file nothing is changed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char wanted(void) {
  const char *path = getenv("CHAOS_SYNC_FILE");
  if (path == NULL) return 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char letter = 0;
  if (read(file, &letter, 1) != 1) letter = 0;
  close(file);
  return letter;
}

static int guarded(const char *name, int descriptor) {
  char letter = wanted();
  while (letter == 's') {
    usleep(5000);
    letter = wanted();
  }
  if (letter == 'e') {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return real(descriptor);
}

int fsync(int descriptor) { return guarded("fsync", descriptor); }
int fdatasync(int descriptor) { return guarded("fdatasync", descriptor); }
