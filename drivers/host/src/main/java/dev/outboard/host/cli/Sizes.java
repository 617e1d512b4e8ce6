package dev.outboard.host.cli;

import java.util.Locale;
import java.util.regex.Pattern;

/** Sizes as people write and read them. Stateless; any thread. */
public final class Sizes {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})([KMGkmg]?)");
    private static final String[] UNITS = {"B", "K", "M", "G"};
    private static final int STEP = 1024;

    private Sizes() {}

    /**
     * A size with a suffix, as {@code 64M}, in bytes.
     *
     * @throws IllegalArgumentException if it is none; the message says how one is written
     */
    public static long parse(String text) {
        var parts = SIZE.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no size: write bytes, or a number with K, M or G, as 64M");
        }
        int shift =
                switch (parts.group(2).toUpperCase(Locale.ROOT)) {
                    case "K" -> 10;
                    case "M" -> 20;
                    case "G" -> 30;
                    default -> 0;
                };
        var number = Long.parseLong(parts.group(1));
        if (number > Long.MAX_VALUE >> shift) {
            throw new IllegalArgumentException("'" + text + "' is more bytes than there can be");
        }
        return number << shift;
    }

    /** The largest unit that says it exactly; a minus for less than nothing: not known. */
    public static String text(long bytes) {
        if (bytes < 0) {
            return "-";
        }
        var unit = 0;
        var left = bytes;
        while (left != 0 && left % STEP == 0 && unit < UNITS.length - 1) {
            left /= STEP;
            unit++;
        }
        return left + (bytes == 0 ? "" : UNITS[unit]);
    }
}
