// Another server of the network of ActivityPub servers, made of Fedify: it has one
// person, follows and leaves whom it is told to, checks the signature of all that is
// posted to it, and says what it believed, one JSON object a line.
//
// TestFediverse in internal/desk starts it and speaks to it on standard input.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createFederation, MemoryKvStore, Accept, Create, Delete, Endpoints, Follow, Move, Note, Person, Tombstone, Undo, Update, generateCryptoKeyPair, lookupWebFinger } from "@fedify/fedify";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const keys = await generateCryptoKeyPair("RSASSA-PKCS1-v1_5");

// Near addresses are called, since everything here is on one machine.
const federation = createFederation({ kv: new MemoryKvStore(), allowPrivateAddress: true });
federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) =>
    identifier !== "reader"
      ? null
      : new Person({
          id: ctx.getActorUri(identifier),
          preferredUsername: identifier,
          inbox: ctx.getInboxUri(identifier),
          endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
          publicKey: (await ctx.getActorKeyPairs(identifier))[0].cryptographicKey,
        }),
  )
  .setKeyPairsDispatcher(() => [keys]);

const heard = async (ctx, activity) => {
  const object = await activity.getObject(ctx);
  const line = { heard: activity.constructor.name, actor: activity.actorId?.href, object: object?.id?.href ?? activity.objectId?.href };
  if (object instanceof Note) line.words = object.content?.toString();
  if (object instanceof Tombstone) line.gone = true;
  say(line);
};
const inbox = federation.setInboxListeners("/users/{identifier}/inbox", "/inbox").on(Accept, heard).on(Create, heard).on(Update, heard).on(Delete, heard);
inbox.on(Move, async (ctx, move) => {
  const target = await move.getTarget(ctx);
  say({ heard: "Move", actor: move.actorId?.href, object: move.objectId?.href, target: target?.id?.href, stands: target?.aliasIds?.map((id) => id.href) });
});

const server = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  const request = new Request(`http://${req.headers.host}${req.url}`, { method: req.method, headers, body: req.method === "POST" ? Buffer.concat(chunks) : undefined });
  const answer = await federation.fetch(request, { contextData: undefined });
  res.writeHead(answer.status, Object.fromEntries(answer.headers));
  res.end(Buffer.from(await answer.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => say({ url: `http://127.0.0.1:${server.address().port}` }));

let follow;
const orders = {
  /** Finds an account by the network's own question, reads it, and asks to follow it. */
  async follow(ctx, address) {
    const found = await lookupWebFinger(address, { allowPrivateAddress: true });
    const self = found?.links?.find((l) => l.rel === "self" && l.type === "application/activity+json")?.href;
    const account = await ctx.lookupObject(self);
    follow = new Follow({ id: new URL(`#follow-${Date.now()}`, ctx.getActorUri("reader")), actor: ctx.getActorUri("reader"), object: account.id });
    await ctx.sendActivity({ identifier: "reader" }, account, follow, { immediate: true });
    return { followed: account.id.href, name: account.name?.toString() };
  },
  async leave(ctx, address) {
    const account = await ctx.lookupObject(address);
    const undo = new Undo({ id: new URL(`#undo-${Date.now()}`, ctx.getActorUri("reader")), actor: ctx.getActorUri("reader"), object: follow });
    await ctx.sendActivity({ identifier: "reader" }, account, undo, { immediate: true });
    return { left: address };
  },
  /** Reads an account's outbox, and how many follow it. */
  async look(ctx, address) {
    const account = await ctx.lookupObject(address);
    const outbox = await account.getOutbox(ctx);
    const words = [];
    for await (const item of outbox.getItems(ctx)) words.push((await item.getObject(ctx))?.content?.toString());
    return { words, followers: (await account.getFollowers(ctx))?.totalItems };
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [order, address] = line.split(" ");
  const ctx = federation.createContext(new URL(`http://127.0.0.1:${server.address().port}/`), undefined);
  try {
    say(await orders[order](ctx, address));
  } catch (failed) {
    say({ failed: String(failed?.stack ?? failed) });
  }
}
process.exit(0);
