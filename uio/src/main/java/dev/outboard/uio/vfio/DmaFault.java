package dev.outboard.uio.vfio;

import dev.outboard.uio.sysfs.PciPlace;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An access of a device that the kernel's IOMMU has stopped, as the kernel's log tells it.
 *
 * <pre>
 *   DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0x1000 [fault reason 0x05] …
 *   pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x3 address=0x1000 flags=0x20]
 *   AMD-Vi: Event logged [IO_PAGE_FAULT device=00:04.0 domain=0x3 address=0x1000 flags=0x20]
 * </pre>
 *
 * @param place of the device, its segment left out
 * @param iova what it wanted
 * @param isWrite else it wanted to read
 * @param reason in the kernel's words
 */
public record DmaFault(String place, long iova, boolean isWrite, String reason) {
    private static final int HEX = 16;

    /** A record has a head of its own, which ends with a semicolon. */
    private static final Pattern INTEL =
            Pattern.compile(
                    "DMAR: .*\\[DMA (Read|Write)[^]]*] Request device \\[([0-9a-f:.]+)].*"
                            + " fault addr (?:0x)?([0-9a-f]+) \\[fault reason (?:0x)?([0-9a-f]+)]"
                            + "\\s*([^\\n]*)");

    private static final Pattern AMD =
            Pattern.compile(
                    "(?:([0-9a-f]{4}:)?([0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]): )?AMD-Vi: Event logged"
                            + " \\[IO_PAGE_FAULT (?:device=(?:[0-9a-f]{4}:)?"
                            + "([0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]) )?domain=\\S+"
                            + " address=0x([0-9a-f]+) flags=0x([0-9a-f]+)]");

    /** Of the event's flags: the access was a write. */
    private static final int AMD_WRITE = 0x20;

    /** What a record of the log tells, if it is of such an access. */
    public static Optional<DmaFault> parse(String record) {
        Matcher intel = INTEL.matcher(record);
        if (intel.find()) {
            return address(intel.group(3))
                    .map(
                            iova ->
                                    new DmaFault(
                                            intel.group(2),
                                            iova,
                                            intel.group(1).equals("Write"),
                                            intel.group(5).strip()));
        }
        Matcher amd = AMD.matcher(record);
        if (amd.find()) {
            String place = amd.group(3) != null ? amd.group(3) : amd.group(2);
            return place == null
                    ? Optional.empty()
                    : address(amd.group(4))
                            .map(iova -> new DmaFault(place, iova, isWrite(amd.group(5)), ""));
        }
        return Optional.empty();
    }

    private static boolean isWrite(String flags) {
        return address(flags).filter(bits -> (bits & AMD_WRITE) != 0).isPresent();
    }

    private static Optional<Long> address(String hex) {
        try {
            return Optional.of(Long.parseUnsignedLong(hex, HEX));
        } catch (NumberFormatException tooLong) {
            return Optional.empty();
        }
    }

    /** Whether it is of the function at a place. */
    public boolean isOf(PciPlace other) {
        return other.toString().endsWith(":" + place);
    }
}
