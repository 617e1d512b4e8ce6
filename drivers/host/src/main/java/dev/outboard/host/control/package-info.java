/**
 * What a running {@code outboard} shows of itself and lets be changed: HTTP over a UNIX socket that
 * its user alone can reach.
 *
 * <pre>
 *   outboard top, memory     ControlClient ──► NAME.PID in the user's folder ──► ControlServer
 *   curl --unix-socket       GET /status, GET /metrics, POST /memory ────────►       │
 *   Prometheus               GET /status, GET /metrics ────► --metrics HOST:PORT     ▼
 *                                                                                 Subject
 *                                                                    driver, or mediator
 * </pre>
 *
 * <p>Nothing here is on a data path: one thread sleeps until somebody connects.
 */
package dev.outboard.host.control;
