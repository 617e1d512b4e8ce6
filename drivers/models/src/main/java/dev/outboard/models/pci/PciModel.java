package dev.outboard.models.pci;

import dev.outboard.uio.vfiouser.VfioUserDevice.Shared;

/** A function behind a {@link PciPort}. All on the loop's thread. */
public interface PciModel {
    /** What its configuration space says of it. */
    PciIdentification identification();

    /** Bytes of a base address's region, a power of two; 0 if it has none. */
    long regionBytes(int region);

    /** What of a region a client may map; null if nothing. */
    default Shared shared(int region) {
        return null;
    }

    /**
     * Reads a register, within its region and aligned.
     *
     * @throws IllegalArgumentException if there is none of that width
     */
    long read(int region, long offset, int bytes);

    /** Writes a register; as {@link #read}. */
    void write(int region, long offset, int bytes, long value);

    /** As after power-on. */
    void reset();

    /** As {@link #reset}, and what the client shared is to be nobody's any more. */
    default void disconnected() {
        reset();
    }

    /**
     * Does a bounded burst of whatever there is to do. The port's bus is open: {@link
     * PciPort#bus()}.
     *
     * @return whether there was anything
     */
    boolean poll(long nowNanos);

    /**
     * Asks the driver for its doorbell, and looks again.
     *
     * @return whether there is work already
     */
    boolean askForDoorbells(long nowNanos);

    /** How long to sleep at most, or {@link dev.outboard.backend.loop.DeviceLoop#FOREVER}. */
    long sleepLimitNanos(long nowNanos);
}
