/**
 * How the installers are made. Everything is bundled beforehand, so the archive holds `dist`
 * and a package.json and no `node_modules`: what is not named under `files` is not shipped.
 *
 * The release configuration (`electron-builder.release.config.cjs`) adds what needs Electron's
 * real runtime.
 *
 * @type {import("electron-builder").Configuration}
 */
module.exports = {
  appId: "org.tidemark.desktop",
  productName: "Tidemark",
  copyright: "Tidemark contributors",
  directories: { output: "release", buildResources: "build/icons" },
  electronVersion: "45.4.1",
  artifactName: "${productName}-${version}-${os}-${arch}.${ext}",
  extraMetadata: { desktopName: "tidemark.desktop" },
  npmRebuild: false,
  asar: true,
  files: ["dist/**/*", "package.json", "!node_modules", "!**/*.map"],
  asarUnpack: ["dist/package.json", "dist/agent.js", "dist/store-worker.js", "dist/sql-wasm.wasm"],
  protocols: [{ name: "Tidemark invitation", schemes: ["tidemark"] }],
  linux: {
    target: ["AppImage", "deb", "rpm"],
    executableName: "tidemark",
    icon: "build/icons",
    category: "Office",
    synopsis: "Shared tables for a room of computers with no server",
    description:
      "Every computer holds the whole database. One leads and takes the edits; the others " +
      "mirror it, keep working read-only when cut off, and always say how far behind they are.",
    maintainer: "Tidemark contributors <maintainers@tidemark.invalid>",
    syncDesktopName: true,
  },
  deb: { packageCategory: "database", priority: "optional" },
  rpm: { packageCategory: "Applications/Databases" },
  win: { target: [{ target: "nsis", arch: ["x64", "arm64"] }], icon: "build/icons/icon.ico" },
  nsis: { oneClick: false, perMachine: false, allowToChangeInstallationDirectory: true },
  mac: {
    target: [
      { target: "dmg", arch: ["x64", "arm64"] },
      { target: "zip", arch: ["x64", "arm64"] },
    ],
    icon: "build/icons/icon.icns",
    category: "public.app-category.productivity",
    hardenedRuntime: true,
  },
};
