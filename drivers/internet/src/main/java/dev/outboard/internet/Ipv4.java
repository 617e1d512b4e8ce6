package dev.outboard.internet;

import java.util.regex.Pattern;

/** IPv4 addresses as numbers of 32 bits, and as people write them. */
public final class Ipv4 {
    private static final Pattern DOTS = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final int MOST = 255;

    private Ipv4() {}

    /**
     * An address as {@code 10.0.2.2}. Names are not looked up.
     *
     * @param option for the message
     * @throws IllegalArgumentException if it is none
     */
    public static int parse(String option, String text) {
        int address = 0;
        if (DOTS.matcher(text).matches()) {
            boolean isRight = true;
            for (String part : text.split("\\.")) {
                int value = Integer.parseInt(part);
                isRight &= value <= MOST;
                address = address << Byte.SIZE | value;
            }
            if (isRight) {
                return address;
            }
        }
        throw new IllegalArgumentException(
                "option %s=%s is no IPv4 address: write it as 10.0.2.2".formatted(option, text));
    }

    /** As people write it. */
    public static String text(int address) {
        return "%d.%d.%d.%d"
                .formatted(
                        address >>> 24,
                        address >>> 16 & MOST,
                        address >>> 8 & MOST,
                        address & MOST);
    }
}
