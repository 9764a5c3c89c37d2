import assert from "node:assert/strict";
import { test } from "node:test";
import { startDiglot } from "./diglot.js";

const image = process.env.DIGLOT_TEST_IMAGE || "diglot:latest";
const postgresImage = process.env.DIGLOT_TEST_POSTGRES_IMAGE || "postgres:17-alpine";

for (const [name, options] of Object.entries({ "in memory": {}, "on PostgreSQL": { postgresImage } })) {
  test(`what a Refold client creates ${name}, a CometChat client lists`, async (t) => {
    const diglot = await startDiglot({ image, ...options });
    t.after(() => diglot.stop());

    const created = await fetch(`${diglot.refoldURL}/mcp-servers`, {
      method: "POST",
      headers: { ...diglot.refoldHeaders, "Content-Type": "application/json" },
      body: JSON.stringify({ name: "Weather", description: "Weather for cities" }),
    });
    assert.equal(created.status, 201);
    assert.deepEqual(Object.keys(await created.json()), ["_id", "name", "description"]);

    const listed = await fetch(`${diglot.cometChatURL}/mcp-servers`, { headers: diglot.cometChatHeaders });
    assert.equal(listed.status, 200);
    assert.deepEqual((await listed.json()).data.map((server) => server.name), ["Weather"]);

    const refused = await fetch(`${diglot.refoldURL}/mcp-servers`, { headers: { ...diglot.refoldHeaders, "x-api-key": "tk-of-nobody" } });
    assert.equal(refused.status, 401);
  });
}

test("a fault of test mode is met, and the requests that came are known", async (t) => {
  const diglot = await startDiglot({ image, tenant: "acme" });
  t.after(() => diglot.stop());
  const control = (path, body) => fetch(diglot.controlsURL + path, { method: "POST", body: JSON.stringify(body) });

  const fault = await control("/faults", { operation: "list_mcp_servers", status: 503, count: 1 });
  assert.equal(fault.status, 200);
  for (const status of [503, 200]) {
    const listed = await fetch(`${diglot.cometChatURL}/mcp-servers`, { headers: diglot.cometChatHeaders });
    assert.equal(listed.status, status);
  }
  const came = await control("/requests/verify", { tenant: "acme", operation: "list_mcp_servers", times: 2 });
  assert.equal(came.status, 200);
});

test("a gateway that cannot start is an error, and leaves nothing to stop", async () => {
  await assert.rejects(startDiglot({ image, tenant: "no such name!" }), /is answered 422/);
});
