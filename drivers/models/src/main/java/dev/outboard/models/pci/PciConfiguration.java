package dev.outboard.models.pci;

import java.util.Arrays;

/**
 * The configuration space of a function that is emulated: a header, and the capabilities for
 * interrupts. One thread.
 *
 * <pre>
 *   00 vendor u16, device u16   04 command u16, status u16   08 revision u8, class u24
 *   10 base addresses, 6 × u32  2c subsystem                 34 first capability u8
 *   3d interrupt pin u8         40 MSI                        60 MSI-X
 * </pre>
 *
 * <p>Source: PCI Local Bus Specification 3.0, chapter 6.
 */
final class PciConfiguration {
    static final int LENGTH_BYTES = 256;

    private static final int COMMAND = 0x04;
    private static final int STATUS = 0x06;
    private static final int REVISION = 0x08;
    private static final int BASE_ADDRESSES = 0x10;
    private static final int SUBSYSTEM = 0x2c;
    private static final int CAPABILITIES = 0x34;
    private static final int INTERRUPT_LINE = 0x3c;
    private static final int INTERRUPT_PIN = 0x3d;
    private static final int MSI = 0x40;
    private static final int MSIX = 0x60;

    private static final int STATUS_CAPABILITIES = 1 << 4;
    private static final int COMMAND_WRITABLE = 0x0547;
    private static final int COMMAND_BUS_MASTER = 1 << 2;
    private static final int ADDRESS_64_BIT = 0x4;
    private static final int CAPABILITY_MSI = 0x05;
    private static final int CAPABILITY_MSIX = 0x11;
    private static final int MSI_64_BIT = 1 << 7;
    private static final int MSIX_ENTRY_BYTES = 16;
    private static final int BASE_ADDRESS_COUNT = 6;

    private final byte[] bytes = new byte[LENGTH_BYTES];
    private final byte[] writable = new byte[LENGTH_BYTES];
    private final byte[] initial;

    PciConfiguration(PciModel model) {
        PciIdentification identity = model.identification();
        put(bytes, 0, 2, identity.vendor());
        put(bytes, 2, 2, identity.device());
        put(bytes, REVISION, 4, identity.revision() | (long) identity.classCode() << 8);
        put(bytes, SUBSYSTEM, 4, identity.vendor() | (long) identity.device() << 16);
        bytes[INTERRUPT_PIN] = 1;
        put(writable, COMMAND, 2, COMMAND_WRITABLE);
        writable[INTERRUPT_LINE] = -1;
        addRegions(model);
        addInterrupts(identity);
        initial = bytes.clone();
    }

    /** Regions of 64-bit addresses: each takes two places. */
    private void addRegions(PciModel model) {
        for (int region = 0; region < BASE_ADDRESS_COUNT; region++) {
            long length = model.regionBytes(region);
            if (length == 0) {
                continue;
            }
            int at = BASE_ADDRESSES + region * Integer.BYTES;
            put(bytes, at, 4, ADDRESS_64_BIT);
            // The bits below the length stay as they are: that is how a system finds the length.
            put(writable, at, 8, -length);
        }
    }

    private void addInterrupts(PciIdentification identity) {
        int last = CAPABILITIES;
        if (identity.msiVectors() > 0) {
            bytes[last] = MSI;
            bytes[MSI] = CAPABILITY_MSI;
            int most = Integer.numberOfTrailingZeros(identity.msiVectors()) << 1;
            put(bytes, MSI + 2, 2, MSI_64_BIT | most);
            put(writable, MSI + 2, 2, 0x71);
            Arrays.fill(writable, MSI + 4, MSI + 14, (byte) -1);
            last = MSI + 1;
        }
        if (identity.msixVectors() > 0) {
            bytes[last] = MSIX;
            bytes[MSIX] = CAPABILITY_MSIX;
            put(bytes, MSIX + 2, 2, identity.msixVectors() - 1);
            put(writable, MSIX + 2, 2, 0xc000);
            put(bytes, MSIX + 4, 4, identity.msixRegion());
            put(bytes, MSIX + 8, 4, pendingOffset(identity) | identity.msixRegion());
        }
        if (bytes[CAPABILITIES] != 0) {
            put(bytes, STATUS, 2, STATUS_CAPABILITIES);
        }
    }

    /** Where the bits of what is pending begin: after the table of vectors. */
    private static long pendingOffset(PciIdentification identity) {
        return (long) identity.msixVectors() * MSIX_ENTRY_BYTES;
    }

    /** Bytes that the table of MSI-X vectors and the bits after it take. */
    static long msixBytes(PciIdentification identity) {
        long pending = (identity.msixVectors() + Long.SIZE - 1L) / Long.SIZE * Long.BYTES;
        return pendingOffset(identity) + pending;
    }

    private static void put(byte[] into, int offset, int length, long value) {
        for (int at = 0; at < length; at++) {
            into[offset + at] = (byte) (value >>> at * Byte.SIZE);
        }
    }

    long read(int offset, int length) {
        long value = 0;
        for (int at = 0; at < length; at++) {
            value |= (bytes[offset + at] & 0xffL) << at * Byte.SIZE;
        }
        return value;
    }

    /** Writes what can be written of it. */
    void write(int offset, int length, long value) {
        for (int at = 0; at < length; at++) {
            byte mask = writable[offset + at];
            byte now = (byte) (value >>> at * Byte.SIZE);
            bytes[offset + at] = (byte) (bytes[offset + at] & ~mask | now & mask);
        }
    }

    /** Whether the function may reach memory. */
    boolean isBusMaster() {
        return (bytes[COMMAND] & COMMAND_BUS_MASTER) != 0;
    }

    /** As after power-on, but for its base addresses. */
    void reset() {
        byte[] addresses = Arrays.copyOfRange(bytes, BASE_ADDRESSES, SUBSYSTEM);
        System.arraycopy(initial, 0, bytes, 0, LENGTH_BYTES);
        System.arraycopy(addresses, 0, bytes, BASE_ADDRESSES, addresses.length);
    }
}
