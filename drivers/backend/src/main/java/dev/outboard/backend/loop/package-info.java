/**
 * What every device model runs on: one thread that works, looks, and sleeps, whatever the protocol
 * its drivers speak.
 *
 * <pre>
 *   ModelRunner ──► DeviceLoop ──► Work: a device's engine
 *                       └────────► Watch: its sockets and doorbells
 * </pre>
 */
package dev.outboard.backend.loop;
