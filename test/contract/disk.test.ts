import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeDisk } from "../../electron/agent/platform/node-disk.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { describeDisk } from "./disk-contract.ts";

describeDisk("the disk of the computer", async () => {
  const root = await mkdtemp(join(tmpdir(), "tidemark-disk-"));
  return {
    disk: new NodeDisk(root, () => performance.now()),
    dispose: () => rm(root, { recursive: true }),
  };
});

describeDisk("the fake disk", async () => ({
  disk: new FakeDisk({ seed: 7 }),
  dispose: async () => {},
}));
