import { assertEquals, assertExists } from "@std/assert";
import { acceptedConnections } from "../../../src/adapters/http/accepted_connections.ts";
import { waitFor } from "../../support/wait_for.ts";

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`acceptedConnections() counts the clients of ${hostname} until they are gone`, async () => {
    using listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    const pairs: { client: Deno.Conn; accepted: Deno.Conn }[] = [];
    for (let i = 0; i < 3; i++) {
      const accepting = listener.accept();
      pairs.push({ client: await Deno.connect({ hostname, port }), accepted: await accepting });
    }
    const connections = acceptedConnections(port);
    assertExists(connections);
    assertEquals(connections.left(), 3);
    pairs[0]!.client.close();
    pairs[0]!.accepted.close();
    await waitFor(() => connections.left() === 2);
    // One that came later is none of those.
    using _late = await Deno.connect({ hostname, port });
    using _accepted = await listener.accept();
    assertEquals(connections.left(), 2);
    for (const { client, accepted } of pairs.slice(1)) {
      client.close();
      accepted.close();
    }
    assertEquals(connections.left(), 0);
  });
}

Deno.test("acceptedConnections() knows none when nobody is connected", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assertEquals(acceptedConnections(listener.addr.port)?.left(), 0);
});
