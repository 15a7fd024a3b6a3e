#!/usr/bin/env node
/**
 * Draws the pictures of `build/icons` from their SVG sources, with Chromium. Run by hand after
 * a change to a source (`node build/scripts/draw-icons.mjs`); the pictures are committed, since
 * packaging must not need a browser.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ROOT } from "./project.mjs";
import { chromiumPath } from "./runtime.mjs";

const ICONS = join(ROOT, "build/icons");
const APP_SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024];
const TRAY_PIXELS = 22;
const TRAY_NAMES = ["tray-live", "tray-behind", "tray-alone", "tray-stopped"];

/** Types of an .icns entry by size in pixels; PNG inside, as macOS reads it since 10.7. */
const ICNS_TYPES = new Map([
  [16, "icp4"],
  [32, "icp5"],
  [64, "icp6"],
  [128, "ic07"],
  [256, "ic08"],
  [512, "ic09"],
  [1024, "ic10"],
]);

const browser = await chromium.launch({
  executablePath: chromiumPath() ?? undefined,
  args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
});
const page = await browser.newPage();
const pictures = new Map();
for (const size of APP_SIZES) pictures.set(size, await draw("icon", size));
for (const [size, png] of pictures) save(`${size}x${size}.png`, png);
save("window.png", pictures.get(256));
save("icon.ico", icoOf([16, 24, 32, 48, 64, 128, 256]));
save("icon.icns", icnsOf());
for (const name of TRAY_NAMES) {
  save(`${name}.png`, await draw(name, TRAY_PIXELS));
  save(`${name}@2x.png`, await draw(name, TRAY_PIXELS * 2));
}
await browser.close();

async function draw(name, size) {
  const svg = readFileSync(join(ICONS, `${name}.svg`), "utf8");
  await page.setViewportSize({ width: size, height: size });
  const style = "margin:0;display:block;width:100vw;height:100vh";
  await page.setContent(`<body style="margin:0">${svg.replace("<svg", `<svg style="${style}"`)}`);
  return page.screenshot({ omitBackground: true });
}

function save(name, bytes) {
  writeFileSync(join(ICONS, name), bytes);
  console.log(`${name} ${bytes.length} bytes`);
}

/** Windows' container: a directory of sizes, then the PNGs. */
function icoOf(sizes) {
  const header = Buffer.alloc(6 + 16 * sizes.length);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(sizes.length, 4);
  let offset = header.length;
  for (const [place, size] of sizes.entries()) {
    const at = 6 + 16 * place;
    const { length } = pictures.get(size);
    header.writeUInt8(size % 256, at);
    header.writeUInt8(size % 256, at + 1);
    header.writeUInt16LE(1, at + 4);
    header.writeUInt16LE(32, at + 6);
    header.writeUInt32LE(length, at + 8);
    header.writeUInt32LE(offset, at + 12);
    offset += length;
  }
  return Buffer.concat([header, ...sizes.map((size) => pictures.get(size))]);
}

/** macOS' container: one typed block per size. */
function icnsOf() {
  const blocks = [...ICNS_TYPES].map(([size, type]) => icnsBlock(type, pictures.get(size)));
  return icnsBlock("icns", Buffer.concat(blocks));
}

function icnsBlock(type, bytes) {
  const header = Buffer.alloc(8);
  header.write(type, "latin1");
  header.writeUInt32BE(8 + bytes.length, 4);
  return Buffer.concat([header, bytes]);
}
