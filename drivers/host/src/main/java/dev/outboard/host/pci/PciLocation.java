package dev.outboard.host.pci;

import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.vfio.InterruptKind;
import dev.outboard.uio.vfio.VfioAccess;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What stands behind {@code pci:}. Of several ways to the same function the best is taken, if none
 * is named.
 *
 * <pre>
 *   0000:00:04.0[,by=group|device][,interrupts=line|msi|msix]
 * </pre>
 *
 * @param place where the function is
 * @param way how VFIO is asked for it
 * @param interrupts how it interrupts, or null for the best that it can
 */
record PciLocation(PciPlace place, VfioAccess.Way way, InterruptKind interrupts) {
    private static final String WAY = "by=";
    private static final String INTERRUPTS = "interrupts=";

    /**
     * Reads it.
     *
     * @throws IllegalArgumentException if it is none; the message says what may stand there
     */
    static PciLocation parse(String text) {
        String[] parts = text.split(",", -1);
        var way = VfioAccess.Way.NEWEST;
        InterruptKind interrupts = null;
        Set<String> given = new HashSet<>();
        for (int index = 1; index < parts.length; index++) {
            String part = parts[index];
            if (part.startsWith(WAY)) {
                way = constant(VfioAccess.Way.class, part, WAY);
            } else if (part.startsWith(INTERRUPTS)) {
                interrupts = constant(InterruptKind.class, part, INTERRUPTS);
            } else {
                throw new IllegalArgumentException(
                        "'%s' says nothing of a PCI function: take by=WAY or interrupts=KIND"
                                .formatted(part));
            }
            if (!given.add(part.substring(0, part.indexOf('=')))) {
                throw new IllegalArgumentException("'%s' is given twice".formatted(part));
            }
        }
        return new PciLocation(PciPlace.parse(parts[0]), way, interrupts);
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String part, String key) {
        String word = part.substring(key.length());
        return Stream.of(type.getEnumConstants())
                .filter(one -> word(one).equals(word))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "'%s' is none of %s%s"
                                                .formatted(
                                                        part,
                                                        key,
                                                        Stream.of(type.getEnumConstants())
                                                                .map(PciLocation::word)
                                                                .collect(
                                                                        Collectors.joining("|")))));
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
