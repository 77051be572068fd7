// Records the spans that stand on its input and exports them with OpenTelemetry's exporter for Node; prints what failed.
import { readFileSync } from "node:fs"
import { BasicTracerProvider, BatchSpanProcessor, OTLPTraceExporter } from "./otlp-exporter.mjs"

const { url, headers, spans } = JSON.parse(readFileSync(0, "utf8"))
const failures = []
const exporter = new OTLPTraceExporter({ url, headers })
const send = exporter.export.bind(exporter)
exporter.export = (batch, done) =>
  send(batch, (result) => {
    if (result.error) failures.push(result.error.message)
    done(result)
  })
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
const tracer = provider.getTracer("tests")
for (const { name, attributes } of spans) tracer.startSpan(name, { attributes }).end()
await provider.forceFlush().catch((error) => failures.push(error.message))
await provider.shutdown()
console.log(JSON.stringify({ failures }))
