/**
 * Runs inside the network of one member and lets the runner, which is outside, reach the API that
 * the member binds to its loopback: bytes from a socket file to a port and back. A file is visible
 * in every network namespace, so no port leaves the member's own.
 *
 * Usage: node relay.mjs SOCKET-FILE PORT. Ends with its stdin, so never later than the runner.
 */
import { connect, createServer } from "node:net";

const [socketFile, port] = process.argv.slice(2);

const server = createServer({ allowHalfOpen: true }, (caller) => {
  const member = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
  const cut = () => {
    caller.destroy();
    member.destroy();
  };
  caller.on("error", cut).on("close", cut);
  member.on("error", cut).on("close", cut);
  caller.pipe(member);
  member.pipe(caller);
});
server.listen(socketFile, () => process.stdout.write("relay ready\n"));
process.stdin.on("end", () => process.exit(0)).resume();
