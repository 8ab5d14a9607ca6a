// A real hub for browser tests: `gatehouse demo` with its cameras and its agency.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts the demo and answers with its console once a request waits. */
export async function demo(hub, data) {
  const child = spawn(hub, ["demo", "--data", data, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    found.url ??= line.match(/console +(\S+)/)?.[1];
    found.pass ??= line.match(/passphrase +(\S+)/)?.[1];
    if (line.includes("open the console")) {
      child.stdout.resume();
      return { ...found, stop: () => (child.kill("SIGINT"), ended) };
    }
  }
  throw new Error("the demo ended before a request came");
}
