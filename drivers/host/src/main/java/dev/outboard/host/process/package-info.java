/**
 * Children: processes that a command starts, listens to, and never leaves behind.
 *
 * <pre>
 *   OutboardProcess ──starts──► java … -m dev.outboard.host … run … --json
 *        │  ▲                                  │
 *        │  └───── events, one line each ◄─────┘ standard output
 *        └──────── SIGTERM, then SIGKILL ─────►
 * </pre>
 */
package dev.outboard.host.process;
