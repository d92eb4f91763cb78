// The driver of axios, and of the fetch that Node has: what scripts in JavaScript do.
import assert from "node:assert/strict";
import axios from "axios";

const headers = { Authorization: `Bearer ${process.env.PUNCTUAL_KEY}` };
const api = axios.create({ baseURL: process.env.PUNCTUAL_URL, headers });

const { data: empty, status, headers: answered } = await api.get("/folders", { params: { limit: 5 } });
assert.equal(status, 200);
assert.equal(answered["content-type"], "application/json");
assert.deepEqual(empty, { folders: [] });

const created = await api.put("/jobs", {
  job: {
    url: "https://example.com/axios",
    title: "axios",
    enabled: true,
    requestMethod: "POST",
    extendedData: { headers: [{ key: "X-A", value: "b" }], body: JSON.stringify({ a: 1 }) },
    schedule: { timezone: "UTC", expiresAt: 0, hours: [-1], mdays: [-1], minutes: ["0", "30"], months: [-1], wdays: [-1] },
  },
});
assert.equal(created.status, 200);
const path = `/jobs/${created.data.jobId}`;
const { jobDetails } = (await api.get(path)).data;
assert.equal(jobDetails.requestMethod, 1);
assert.deepEqual(jobDetails.extendedData, { headers: { "X-A": "b" }, body: '{"a":1}' });
assert.deepEqual(jobDetails.schedule.minutes, [0, 30]);

// fetch sends the names of methods as they are given, but for some: "patch" stays "patch".
const patched = await fetch(process.env.PUNCTUAL_URL + path, {
  method: "patch",
  headers: { ...headers, "Content-Type": "application/json;charset=UTF-8" },
  body: JSON.stringify({ job: { title: "changed", enabled: "0" } }),
});
assert.equal(patched.status, 200);
assert.deepEqual(await patched.json(), {});
assert.equal((await api.get(path)).data.jobDetails.title, "changed");

const { history } = (await api.get("/jobs/1/history")).data;
const details = (await api.get(`/jobs/1/history/${history[0].identifier}`)).data.jobHistoryDetails;
assert.equal(details.statusText, "OK");
assert.match(details.headers, /\r\n\r\n$/);

await assert.rejects(api.put("/jobs", { job: { url: "ftp://example.com" } }), (error) => {
  assert.equal(error.response.status, 400);
  assert.equal(error.response.headers["content-type"], "application/problem+json");
  assert.equal(error.response.data.errors[0].pointer, "/job/url");
  return true;
});
await assert.rejects(axios.get(process.env.PUNCTUAL_URL + "/jobs"), (error) => error.response.status === 401);
assert.deepEqual((await api.delete(path)).data, {});
await assert.rejects(api.delete(path), (error) => error.response.status === 404);
