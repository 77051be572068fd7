// Makes the calls that stand on its input with Segment's library for Node, and prints what the library sent and what failed.
import { readFileSync } from "node:fs"
import { Analytics } from "./analytics-node.mjs"

const { host, writeKey, calls } = JSON.parse(readFileSync(0, "utf8"))
const analytics = new Analytics({ host, writeKey })
const requests = []
const failures = []
analytics.on("http_request", ({ url, headers, body }) => requests.push({ url, headers, body: JSON.parse(body) }))
analytics.on("error", (error) => failures.push(String(error.reason ?? error.code)))
for (const [method, message] of calls) analytics[method](message)
await analytics.closeAndFlush({ timeout: 20_000 })
console.log(JSON.stringify({ requests, failures }))
