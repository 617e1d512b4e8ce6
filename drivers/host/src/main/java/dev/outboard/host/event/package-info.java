/**
 * What a command says to machines: one JSON object a line, each with the name of its event.
 *
 * <pre>
 *   {"event":"ready","device":"nic0",…}   {"event":"fault",…}   {"event":"result",…}
 * </pre>
 */
package dev.outboard.host.event;
