package dev.outboard.kernel;

import dev.outboard.driver.ClientContext;
import java.util.Map;
import java.util.Set;

/**
 * What the TAP client is told.
 *
 * @param name the interface
 * @param mayOffload whether device and kernel may leave frames unfinished for each other
 * @param stays whether the interface stays when the driver ends
 * @param bringUp whether it is brought up
 */
record TapOptions(String name, boolean mayOffload, boolean stays, boolean bringUp) {
    static final String HELP = "name=tap0 offloads=on|off persist=0|1 up=1|0";

    private static final Set<String> KNOWN = Set.of("name", "offloads", "persist", "up");

    static TapOptions of(ClientContext context) {
        for (String option : context.options().keySet()) {
            if (!KNOWN.contains(option)) {
                throw new IllegalArgumentException(
                        "there is no option '%s': take %s".formatted(option, HELP));
            }
        }
        String name = context.options().get("name");
        if (name == null) {
            throw new IllegalArgumentException("name=NAME says which interface: --tap NAME");
        }
        return new TapOptions(
                name,
                mayOffload(context.options()),
                flag(context, "persist", false),
                flag(context, "up", true));
    }

    static boolean mayOffload(Map<String, String> options) {
        String word = options.getOrDefault("offloads", "on");
        if (!word.equals("on") && !word.equals("off")) {
            throw new IllegalArgumentException("option offloads=" + word + " is not on or off");
        }
        return word.equals("on");
    }

    private static boolean flag(ClientContext context, String option, boolean absent) {
        long value = context.option(option, absent ? 1 : 0);
        if (value != 0 && value != 1) {
            throw new IllegalArgumentException(
                    "option %s=%d is not 0 or 1".formatted(option, value));
        }
        return value == 1;
    }
}
