package dev.outboard.dma.mediator;

import java.util.regex.Pattern;

/** Names of clients and devices. */
final class Names {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,63}");

    private Names() {}

    /** Refuses what is no name. */
    static String require(String name, String whose) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "'%s' is no %s name: 1 to 64 letters, digits, dots, colons, dashes"
                            .formatted(
                                    name.length() > 80 ? name.substring(0, 80) + "…" : name,
                                    whose));
        }
        return name;
    }
}
