package dev.outboard.host.control;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Looks into what a process shows of itself, which may lack anything. Stateless; any thread. */
public final class Fields {
    private Fields() {}

    /**
     * What is at a path, as {@code memory.frames}.
     *
     * @return null if there is no such thing
     */
    public static Object at(Map<?, ?> fields, String path) {
        var dot = path.indexOf('.');
        if (dot < 0) {
            return fields.get(path);
        }
        return fields.get(path.substring(0, dot)) instanceof Map<?, ?> inner
                ? at(inner, path.substring(dot + 1))
                : null;
    }

    /** A whole number at a path; -1 if there is none. */
    public static long number(Map<?, ?> fields, String path) {
        return at(fields, path) instanceof Number number ? number.longValue() : -1;
    }

    /** The objects of a list at a path; none if there is no list. */
    public static List<Map<?, ?>> maps(Map<?, ?> fields, String path) {
        var maps = new ArrayList<Map<?, ?>>();
        if (at(fields, path) instanceof List<?> items) {
            for (var item : items) {
                if (item instanceof Map<?, ?> map) {
                    maps.add(map);
                }
            }
        }
        return maps;
    }

    /** A text at a path; empty if there is nothing. */
    public static String text(Map<?, ?> fields, String path) {
        var value = at(fields, path);
        return value == null ? "" : value.toString();
    }
}
