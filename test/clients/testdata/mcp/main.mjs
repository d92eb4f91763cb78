// The driver of cronjob-org-mcp: it speaks the Model Context Protocol with the server, a JSON-RPC message a line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const server = spawn(
  process.execPath,
  ["--import", "./base.mjs", "node_modules/cronjob-org-mcp/build/index.js"],
  { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, CRONJOB_API_KEY: process.env.PUNCTUAL_KEY } },
);
const waiting = new Map();
createInterface({ input: server.stdout }).on("line", (line) => {
  const message = JSON.parse(line);
  waiting.get(message.id)?.(message);
});
server.on("exit", (code) => {
  if (waiting.size > 0 && !done) {
    console.error(`the server ended with status ${code}`);
    process.exit(1);
  }
});
let last = 0;
let done = false;

function send(method, params) {
  server.stdin.write(JSON.stringify({ jsonrpc: "2.0", method, params }) + "\n");
}

function request(method, params) {
  const id = ++last;
  server.stdin.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n");
  return new Promise((resolve) => waiting.set(id, resolve));
}

async function call(name, args = {}) {
  const { result, error } = await request("tools/call", { name, arguments: args });
  assert.equal(error, undefined, JSON.stringify(error));
  const [{ text }] = result.content;
  return result.isError ? { failed: text } : JSON.parse(text);
}

await request("initialize", {
  protocolVersion: "2025-03-26",
  capabilities: {},
  clientInfo: { name: "driver", version: "1" },
});
send("notifications/initialized", {});

const { folderId } = await call("create_folder", { title: "mcp" });
assert.match((await call("create_folder", { title: "MCP" })).failed, /409/);
const { jobId } = await call("create_job", {
  url: "https://example.com/mcp",
  title: "mcp",
  folderId,
  requestMethod: 1,
  headers: { "X-A": "b" },
  body: "body",
  notification: { onFailure: true, onFailureCount: 3 },
  schedule: { timezone: "Europe/Berlin", hours: [-1], mdays: [-1], minutes: [0, 30], months: [-1], wdays: [1, 2] },
});
let { jobDetails } = await call("get_job", { jobId });
assert.equal(jobDetails.folderId, folderId);
assert.deepEqual(jobDetails.extendedData, { headers: { "X-A": "b" }, body: "body" });
assert.deepEqual(jobDetails.schedule.minutes, [0, 30]);
assert.equal(jobDetails.notification.onFailureCount, 3);
assert.deepEqual(await call("update_job", { jobId, url: "https://example.com/changed", enabled: true }), {});
({ jobDetails } = await call("get_job", { jobId }));
assert.equal(jobDetails.url, "https://example.com/changed");
assert.equal(jobDetails.title, "mcp");
assert.equal(typeof jobDetails.nextExecution, "number");
const { jobs, someFailed } = await call("list_jobs");
assert.equal(someFailed, false);
assert.deepEqual(jobs.map((job) => job.jobId).sort(), [1, jobId]);
const { history, predictions } = await call("get_job_history", { jobId: 1 });
assert.equal(predictions.length, 3);
const { jobHistoryDetails } = await call("get_history_item", { jobId: 1, identifier: history[0].identifier });
assert.equal(jobHistoryDetails.httpStatus, 200);
assert.equal(typeof jobHistoryDetails.headers, "string");
await call("update_folder", { folderId, title: "changed" });
assert.deepEqual((await call("get_folder", { folderId })).folderDetails, { folderId, title: "changed" });
assert.equal((await call("list_folders")).folders.length, 1);
await call("delete_folder", { folderId });
({ jobDetails } = await call("get_job", { jobId }));
assert.equal(jobDetails.folderId, 0);
await call("delete_job", { jobId });
assert.match((await call("get_job", { jobId })).failed, /404/);
done = true;
server.kill();
