/**
 * Traces and metrics of calls with OpenTelemetry. `@opentelemetry/api` is an optional peer dependency: only this entry
 * loads it.
 *
 * @packageDocumentation
 */

export { instrument, type InstrumentOptions, type Instrumentation } from './instrument.js';
