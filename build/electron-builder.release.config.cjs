const base = require("./electron-builder.config.cjs");

/**
 * What only works on Electron's real runtime: fuses are bytes inside it. They take away ways in
 * that the app does not need: running as plain Node, inspector switches, code outside the
 * archive, tampered archives.
 *
 * @type {import("electron-builder").Configuration}
 */
module.exports = {
  ...base,
  publish: null,
  electronFuses: {
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    grantFileProtocolExtraPrivileges: false,
    loadBrowserProcessSpecificV8Snapshot: false,
    resetAdHocDarwinSignature: true,
  },
};
