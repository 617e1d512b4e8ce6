package dev.outboard.models;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.UUID;

/**
 * An Ethernet address.
 *
 * @param bits its six bytes, the first in the lowest bits, as memory holds it on a little-endian
 *     machine
 */
public record MacAddress(long bits) {
    /** How many bytes it has. */
    public static final int BYTES = 6;

    private static final HexFormat FORMAT = HexFormat.ofDelimiter(":");
    private static final int GROUP = 1;
    private static final int LOCAL = 2;

    /** Checks that the bits are those of an address. */
    public MacAddress {
        if (bits >>> BYTES * Byte.SIZE != 0) {
            throw new IllegalArgumentException("bits=0x%x are not six bytes".formatted(bits));
        }
    }

    /**
     * Reads {@code 02:00:00:00:00:01}.
     *
     * @throws IllegalArgumentException when it is none, or one of a group
     */
    public static MacAddress parse(String text) {
        byte[] bytes;
        try {
            bytes = FORMAT.parseHex(text);
        } catch (IllegalArgumentException e) {
            bytes = new byte[0];
        }
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException(
                    "mac=" + text + " is no Ethernet address: write it as 02:00:00:00:00:01");
        }
        var address = of(bytes);
        if ((address.bits & GROUP) != 0) {
            throw new IllegalArgumentException(
                    "mac=" + text + " is a group address: the first byte must be even");
        }
        return address;
    }

    /** A locally administered address that is always the same for a name, and rarely another's. */
    static MacAddress derivedFrom(String name) {
        long hash =
                UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8))
                        .getLeastSignificantBits();
        return new MacAddress((hash & 0xffff_ffff_ff00L) | LOCAL);
    }

    private static MacAddress of(byte[] bytes) {
        long bits = 0;
        for (int i = 0; i < BYTES; i++) {
            bits |= (bytes[i] & 0xffL) << i * Byte.SIZE;
        }
        return new MacAddress(bits);
    }

    /** The bytes in the order of the wire. */
    public byte[] bytes() {
        var bytes = new byte[BYTES];
        for (int i = 0; i < BYTES; i++) {
            bytes[i] = (byte) (bits >>> i * Byte.SIZE);
        }
        return bytes;
    }

    /** As {@code 02:00:00:00:00:01}. */
    @Override
    public String toString() {
        return FORMAT.formatHex(bytes());
    }
}
