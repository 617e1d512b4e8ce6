package dev.outboard.host.bus;

import dev.outboard.driver.DeviceException;
import java.util.Locale;

/** Which rings a device of queues gets, where it can have both kinds (VIRTIO 1.2, section 2). */
public enum RingChoice {
    /** Packed ones where the device has them. */
    AUTO,

    /** A table and two rings, which each side writes one of. */
    SPLIT,

    /** One ring that both sides write. */
    PACKED;

    /** VIRTIO_F_RING_PACKED (VIRTIO 1.2, section 6). */
    private static final long RING_PACKED = 1L << 34;

    /**
     * As it is written on the command line.
     *
     * @throws IllegalArgumentException where it is none of the three
     */
    public static RingChoice parse(String word) {
        for (var choice : values()) {
            if (choice.name().toLowerCase(Locale.ROOT).equals(word)) {
                return choice;
            }
        }
        throw new IllegalArgumentException("--ring " + word + " is none of auto, split and packed");
    }

    /**
     * What of a device's features its driver may know of.
     *
     * @throws DeviceException where the device has not the rings that were asked for
     */
    public long of(long offered, String device) {
        if (this == PACKED && (offered & RING_PACKED) == 0) {
            throw new DeviceException(
                    "device "
                            + device
                            + " has no packed rings (it does not offer VIRTIO_F_RING_PACKED): run"
                            + " without --ring packed, or start it with them (QEMU's devices have"
                            + " them with packed=on)");
        }
        return this == SPLIT ? offered & ~RING_PACKED : offered;
    }
}
