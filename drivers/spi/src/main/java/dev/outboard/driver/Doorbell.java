package dev.outboard.driver;

/**
 * Tells the device that a queue has work: an eventfd or a register. Thread of the queue; no
 * allocation.
 */
@FunctionalInterface
public interface Doorbell {
    /** Rings. Everything stored before is visible to the device when it answers. */
    void ring();
}
