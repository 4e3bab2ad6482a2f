/**
 * Ready-made interceptors, for `new Manager({ intercept })` and `connect(url, { intercept })`. They are an entry of
 * their own because `retry` and `timeout` are operators of rxjs too. The types of interceptors are part of `rxgrid`.
 *
 * @packageDocumentation
 */

export { circuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.js';
export { concurrency, type ConcurrencyOptions } from './concurrency.js';
export { log, type CallRecord } from './log.js';
export { retry } from './retry.js';
export { timeout, type TimeoutOptions } from './timeout.js';
