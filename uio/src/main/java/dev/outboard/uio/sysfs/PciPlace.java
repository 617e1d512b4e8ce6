package dev.outboard.uio.sysfs;

import java.util.Comparator;
import java.util.regex.Pattern;

/**
 * Where a PCI function is: {@code 0000:00:04.0}.
 *
 * @param domain the PCI segment; Linux gives those it makes up itself more than 16 bits
 * @param bus 0 to 255
 * @param slot 0 to 31
 * @param function 0 to 7
 */
public record PciPlace(int domain, int bus, int slot, int function)
        implements Comparable<PciPlace> {
    private static final Pattern WRITTEN =
            Pattern.compile("(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\\.([0-7])");
    private static final Comparator<PciPlace> ORDER =
            Comparator.comparingInt(PciPlace::domain)
                    .thenComparingInt(PciPlace::bus)
                    .thenComparingInt(PciPlace::slot)
                    .thenComparingInt(PciPlace::function);
    private static final int HEX = 16;
    private static final int MOST_SLOT = 31;

    /**
     * Reads what people write.
     *
     * @param written as {@code 0000:00:04.0}, or {@code 00:04.0} in domain 0
     * @throws IllegalArgumentException if it is none
     */
    public static PciPlace parse(String written) {
        var matcher = WRITTEN.matcher(written);
        if (matcher.matches()) {
            String domain = matcher.group(1);
            int slot = Integer.parseInt(matcher.group(3), HEX);
            if (slot <= MOST_SLOT) {
                return new PciPlace(
                        domain == null ? 0 : Integer.parseUnsignedInt(domain, HEX),
                        Integer.parseInt(matcher.group(2), HEX),
                        slot,
                        Integer.parseInt(matcher.group(4)));
            }
        }
        throw new IllegalArgumentException(
                "'%s' is no place of a PCI function: write it as 0000:00:04.0".formatted(written));
    }

    /** Whether {@link #parse} takes it. */
    static boolean isOne(String written) {
        var matcher = WRITTEN.matcher(written);
        return matcher.matches() && Integer.parseInt(matcher.group(3), HEX) <= MOST_SLOT;
    }

    @Override
    public int compareTo(PciPlace other) {
        return ORDER.compare(this, other);
    }

    /** As the kernel names its folder. */
    @Override
    public String toString() {
        return "%04x:%02x:%02x.%d".formatted(domain, bus, slot, function);
    }
}
