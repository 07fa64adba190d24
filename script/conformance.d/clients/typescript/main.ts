// Lists, creates and removes a container with the client that openapi-generator generated.

import { Configuration, ContainersApi } from "./generated/index";

declare const process: { argv: string[] };

const [url, image, name] = process.argv.slice(2) as [string, string, string];
const api = new ContainersApi(new Configuration({ basePath: url, username: "admin", password: "spindocker" }));

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

async function isListed(): Promise<boolean> {
  const containers = await api.listContainers();
  return containers.some((container) => container.name === `/${name}`);
}

async function main(): Promise<void> {
  check(!(await isListed()), "the container is not listed before its creation");
  const container = await api.createContainer({ createContainer: { image, name, idleTimeout: "6h" } });
  check(container.idleTimeout === 21600, "the idle timeout is six hours");
  check(await isListed(), "the container is listed");
  await api.removeContainer({ ref: container.containerId, force: true });
  check(!(await isListed()), "the container is not listed after its removal");
}

void main();
