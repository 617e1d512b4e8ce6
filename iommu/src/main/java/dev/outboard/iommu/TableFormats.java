package dev.outboard.iommu;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** The formats that there are: those of this module, then those that other modules provide. */
final class TableFormats {
    static final List<TableFormat> ALL = load();

    private TableFormats() {}

    private static List<TableFormat> load() {
        List<TableFormat> formats = new ArrayList<>();
        formats.add(CalgaryFormat.INSTANCE);
        formats.add(DartFormat.INSTANCE);
        formats.addAll(PaprFormat.ONE_LEVEL);
        formats.add(VtdFormat.of(VtdFormat.USUAL_LEVELS));
        formats.add(AmdV1Format.of(AmdV1Format.USUAL_LEVELS));
        formats.add(VhptFormat.INSTANCE);
        for (TableFormat foreign : ServiceLoader.load(TableFormat.class)) {
            add(formats, foreign);
        }
        return List.copyOf(formats);
    }

    /** Takes a format that another module provides, unless it could be mistaken for one here. */
    static void add(List<TableFormat> formats, TableFormat foreign) {
        if (!foreign.title().matches("[a-z0-9-]{1,32}")) {
            throw new IllegalStateException(
                    "table format %s has the title '%s': give it 1 to 32 of a-z, 0-9 and dashes"
                            .formatted(foreign.getClass().getName(), foreign.title()));
        }
        if (foreign.code() < TableFormat.FIRST_FOREIGN_CODE) {
            throw new IllegalStateException(
                    "table format %s has code=%d: give it one from %d up"
                            .formatted(
                                    foreign.getClass().getName(),
                                    foreign.code(),
                                    TableFormat.FIRST_FOREIGN_CODE));
        }
        for (TableFormat known : formats) {
            if (known.title().equals(foreign.title())
                    || known.ofFamily(foreign.code()) != null
                    || foreign.ofFamily(known.code()) != null) {
                throw new IllegalStateException(
                        "table formats %s and %s have the same title or code: rename one"
                                .formatted(
                                        known.getClass().getName(), foreign.getClass().getName()));
            }
        }
        formats.add(foreign);
    }

    static TableFormat ofCode(int code) {
        for (TableFormat format : ALL) {
            TableFormat found = format.ofFamily(code);
            if (found != null) {
                return found;
            }
        }
        throw new IllegalArgumentException("no table format has code=" + code);
    }

    static TableFormat ofTitle(String title) {
        int colon = title.indexOf(':');
        String family = colon < 0 ? title : title.substring(0, colon);
        for (TableFormat format : ALL) {
            if (format.title().equals(family)) {
                return colon < 0 ? format : format.withLevels(levels(title, colon));
            }
        }
        throw new IllegalArgumentException(
                "no table format is called '%s': take one of %s"
                        .formatted(
                                title,
                                String.join(", ", ALL.stream().map(TableFormat::title).toList())));
    }

    private static int levels(String title, int colon) {
        String digits = title.substring(colon + 1);
        if (digits.length() != 1 || digits.charAt(0) < '1' || digits.charAt(0) > '9') {
            throw new IllegalArgumentException(
                    "table format '%s': after the colon comes the number of levels, as in papr:3"
                            .formatted(title));
        }
        return digits.charAt(0) - '0';
    }
}
