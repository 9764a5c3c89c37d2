// Diglot's image with testcontainers: a gateway with a tenant and its
// credentials, in memory, or in a PostgreSQL on a network of its own.
import { randomBytes, randomUUID } from "node:crypto";
import { GenericContainer, Network, Wait } from "testcontainers";

const gatewayPort = 8080; // both dialects
const operationsPort = 9090; // metrics and the admin API

/**
 * Starts a gateway. With postgresImage, such as postgres:17-alpine, it keeps
 * everything in a PostgreSQL of that image, else in memory. stop() removes all
 * that was started, also after a failure.
 */
export async function startDiglot({ image = "diglot:latest", postgresImage, tenant = "test" } = {}) {
  const started = [];
  const stop = async () => {
    while (started.length > 0) await started.pop().stop();
  };
  try {
    const token = randomBytes(32).toString("hex");
    let gateway = new GenericContainer(image)
      .withExposedPorts(gatewayPort, operationsPort)
      .withEnvironment({ DIGLOT_ADMIN_TOKEN: token, ...(postgresImage ? {} : { DIGLOT_MEMORY: "true" }) })
      .withWaitStrategy(Wait.forHttp("/readyz", gatewayPort));
    if (postgresImage) {
      const network = await new Network().start();
      started.push(network);
      started.push(await startPostgres(postgresImage, network));
      gateway = gateway.withNetwork(network).withEnvironment({
        DIGLOT_DATABASE_URL: "postgres://diglot:diglot@postgres:5432/diglot?sslmode=disable",
      });
    }
    const container = await gateway.start();
    started.push({ stop: () => container.stop() });
    const url = (port) => `http://${container.getHost()}:${container.getMappedPort(port)}`;
    const credentials = await makeTenant(`${url(operationsPort)}/admin/v1`, token, tenant);
    return {
      refoldURL: `${url(gatewayPort)}/api/v2/public`,
      cometChatURL: `${url(gatewayPort)}/v3/ai-agents/agent-builder`,
      ...credentials,
      stop,
    };
  } catch (err) {
    await stop();
    throw err;
  }
}

function startPostgres(image, network) {
  return new GenericContainer(image)
    .withNetwork(network)
    .withNetworkAliases("postgres")
    .withEnvironment({ POSTGRES_USER: "diglot", POSTGRES_PASSWORD: "diglot", POSTGRES_DB: "diglot" })
    .withTmpFs({ "/var/lib/postgresql/data": "rw" })
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
}

// makeTenant gives the headers that clients of each dialect send.
async function makeTenant(admin, token, name) {
  const post = async (path, body) => {
    const res = await fetch(admin + path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (res.status !== 201) throw new Error(`POST ${path} is answered ${res.status}: ${await res.text()}`);
  };
  const refold = `tk${randomUUID()}`;
  const cometChat = randomBytes(20).toString("hex");
  const account = "customer@example.com";
  await post("/tenants", {
    name,
    refold: { org: randomBytes(12).toString("hex"), env: "test" },
    cometchat: { app: `app-${name}`, region: "us" },
  });
  await post(`/tenants/${name}/keys/import`, { dialect: "refold", keys: [refold] });
  await post(`/tenants/${name}/keys/import`, { dialect: "cometchat", keys: [cometChat] });
  await post(`/tenants/${name}/accounts`, { id: account });
  return {
    refoldHeaders: { "x-api-key": refold, linked_account_id: account },
    cometChatHeaders: { apikey: cometChat },
  };
}
