// Diglot's image with testcontainers: a gateway in test mode with a tenant and its
// credentials, in memory, or in a PostgreSQL on a network of its own.
import { GenericContainer, Network, Wait } from "testcontainers";

const gatewayPort = 8080; // both dialects

/**
 * Starts a gateway. Its controls are below controlsURL: faults, seeds, the clock
 * and the requests that came; diglottest/README.md has them all. With
 * postgresImage, such as postgres:17-alpine, it keeps everything in a PostgreSQL of
 * that image, else in memory. A tenant other than test is seeded, and gone with a
 * reset. stop() removes all that was started, also after a failure.
 */
export async function startDiglot({ image = "diglot:latest", postgresImage, tenant = "test" } = {}) {
  const started = [];
  const stop = async () => {
    while (started.length > 0) await started.pop().stop();
  };
  try {
    let gateway = new GenericContainer(image)
      .withExposedPorts(gatewayPort)
      .withEnvironment({ DIGLOT_TEST_MODE: "true", ...(postgresImage ? { DIGLOT_TEST_DATABASE: "true" } : { DIGLOT_MEMORY: "true" }) })
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
    const url = `http://${container.getHost()}:${container.getMappedPort(gatewayPort)}`;
    const controlsURL = `${url}/_diglot`;
    return {
      refoldURL: `${url}/api/v2/public`,
      cometChatURL: `${url}/v3/ai-agents/agent-builder`,
      controlsURL,
      ...(await credentials(controlsURL, tenant)),
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

// credentials gives the headers that clients of each dialect send.
async function credentials(controlsURL, name) {
  const ask = async (method, path, body) => {
    const res = await fetch(controlsURL + path, { method, body });
    if (res.status !== 200) throw new Error(`${method} ${path} is answered ${res.status}: ${await res.text()}`);
    return res.json();
  };
  if (name !== "test") await ask("POST", "/seed", JSON.stringify({ tenants: [{ name }] }));
  const { tenants } = await ask("GET", "/tenants");
  const made = tenants.find(({ tenant }) => tenant === name);
  return {
    refoldHeaders: { "x-api-key": made.refold_key, linked_account_id: made.linked_account_id },
    cometChatHeaders: { apikey: made.cometchat_key },
  };
}
