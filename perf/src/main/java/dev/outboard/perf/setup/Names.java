package dev.outboard.perf.setup;

import dev.outboard.host.cli.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Constants as people write them: {@code NEVER_FREE} is never-free. Stateless. */
public final class Names {
    private Names() {}

    /** The written form. */
    public static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * The constant of a written form.
     *
     * @param option which option names it, for the message
     * @throws UsageException if there is none
     */
    public static <E extends Enum<E>> E constant(Class<E> type, String option, String written) {
        for (E constant : type.getEnumConstants()) {
            if (of(constant).equals(written.toLowerCase(Locale.ROOT))) {
                return constant;
            }
        }
        throw new UsageException(
                "%s %s: take %s"
                        .formatted(
                                option,
                                written,
                                String.join(
                                        ", ",
                                        Arrays.stream(type.getEnumConstants())
                                                .map(Names::of)
                                                .toList())));
    }

    /**
     * A list with commas, each item once.
     *
     * @throws UsageException if there is an empty item
     */
    public static <T> List<T> list(String option, String written, Function<String, T> reader) {
        List<T> items = new ArrayList<>();
        for (String item : written.split(",", -1)) {
            if (item.isBlank()) {
                throw new UsageException(option + " '" + written + "': write names with commas");
            }
            T read = reader.apply(item.strip());
            if (!items.contains(read)) {
                items.add(read);
            }
        }
        return items;
    }

    /**
     * A whole number within bounds.
     *
     * @throws UsageException if it is none
     */
    public static int number(String option, String written, int least, int most) {
        try {
            int number = Integer.parseInt(written);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException none) {
            // Told below, as a number that does not fit.
        }
        throw new UsageException(
                "%s %s is not between %d and %d".formatted(option, written, least, most));
    }
}
