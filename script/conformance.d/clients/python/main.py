"""Lists, creates and removes a container with the client that openapi-python-client generated."""

import sys

import httpx
from generated import Client
from generated.api.containers import create_container, list_containers, remove_container
from generated.models import Container, CreateContainer

url, image, name = sys.argv[1:]
client = Client(base_url=url, httpx_args={"auth": httpx.BasicAuth("admin", "spindocker")}, raise_on_unexpected_status=True)


def names():
    containers = list_containers.sync(client=client)
    assert isinstance(containers, list), containers
    return [container.name for container in containers]


assert f"/{name}" not in names()
container = create_container.sync(client=client, body=CreateContainer(image=image, name=name, idle_timeout="6h"))
assert isinstance(container, Container), container
assert container.idle_timeout == 21600, container
assert f"/{name}" in names()
response = remove_container.sync_detailed(client=client, ref=container.container_id, force=True)
assert response.status_code == 204, response
assert f"/{name}" not in names()
