package dev.outboard.host.run;

import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** How values are written on the command line and in reports. */
public final class Words {
    private static final Pattern IOTLB =
            Pattern.compile("([0-9]{1,6})x([0-9]{1,6})(?::([a-z]+))?((?:,[a-z]+=[0-9]{1,6})*)");

    private Words() {}

    /** A constant as people write it. */
    static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * The constant that people write so.
     *
     * @param kind what the constants are, for the message when there is none
     */
    static <E extends Enum<E>> E constant(Class<E> type, String text, String kind) {
        var constants = List.of(type.getEnumConstants());
        return constants.stream()
                .filter(constant -> of(constant).equals(text))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "'%s' is no %s: take one of %s"
                                                .formatted(
                                                        text,
                                                        kind,
                                                        String.join(
                                                                ", ",
                                                                constants.stream()
                                                                        .map(Words::of)
                                                                        .toList()))));
    }

    /** The shape of an IOTLB, as {@code 64x4:lru} or {@code 64x4:plru,ats=16,prefetch=3}. */
    static IotlbGeometry iotlb(String text) {
        var parts = IOTLB.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException(
                    "'"
                            + text
                            + "' is no IOTLB: write SETSxWAYS:POLICY, as 64x4:lru, and then what"
                            + " you want of ,superpages=N ,ats=N ,prefetch=N");
        }
        var geometry =
                new IotlbGeometry(
                        Integer.parseInt(parts.group(1)),
                        Integer.parseInt(parts.group(2)),
                        parts.group(3) == null
                                ? Replacement.LRU
                                : constant(
                                        Replacement.class, parts.group(3), "replacement policy"));
        var given = new HashSet<String>();
        for (String setting : parts.group(4).split(",")) {
            if (!setting.isEmpty()) {
                geometry = with(geometry, setting, given);
            }
        }
        return geometry;
    }

    private static IotlbGeometry with(IotlbGeometry geometry, String setting, Set<String> given) {
        String name = setting.substring(0, setting.indexOf('='));
        int value = Integer.parseInt(setting.substring(name.length() + 1));
        if (!given.add(name)) {
            throw new IllegalArgumentException(name + " of the IOTLB is given twice");
        }
        return switch (name) {
            case "superpages" -> geometry.withSuperpages(value);
            case "ats" -> geometry.withAts(value);
            case "prefetch" -> geometry.withPrefetch(value);
            default ->
                    throw new IllegalArgumentException(
                            "an IOTLB has no '" + name + "': take superpages, ats or prefetch");
        };
    }
}
