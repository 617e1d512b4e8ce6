package dev.outboard.host.event;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One thing that a command tells machines: a name and fields in the order they were given. Values
 * are texts, numbers, booleans, null, and lists and maps of these.
 *
 * @param name what happened, as {@code ready}
 * @param fields what there is to say about it; without the field {@code event}
 */
public record Event(String name, Map<String, Object> fields) {
    /** The command is up and can be used. */
    public static final String READY = "ready";

    /** A device made an access that the IOMMU refused. */
    public static final String FAULT = "fault";

    /** A device, or a peer, went away. */
    public static final String LOST = "lost";

    /** A device said something of itself: its health, a change of its size. */
    public static final String NOTICE = "notice";

    /** How far a client is, while it runs. */
    public static final String PROGRESS = "progress";

    /** The figures at the end. */
    public static final String RESULT = "result";

    /** Copies the fields. */
    public Event {
        fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    }

    /** An event whose fields are given as name, value, name, value … */
    public static Event of(String name, Object... namesAndValues) {
        if (namesAndValues.length % 2 != 0) {
            throw new IllegalArgumentException("a field has no value: event=" + name);
        }
        var fields = new LinkedHashMap<String, Object>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return new Event(name, fields);
    }

    /** A text. */
    public String text(String field) {
        return String.valueOf(require(field));
    }

    /** A whole number. */
    public long number(String field) {
        if (require(field) instanceof Number number) {
            return number.longValue();
        }
        throw wrong(field, "number");
    }

    /** A number with a fraction. */
    public double decimal(String field) {
        if (require(field) instanceof Number number) {
            return number.doubleValue();
        }
        throw wrong(field, "number");
    }

    /** A truth value. */
    public boolean flag(String field) {
        if (require(field) instanceof Boolean flag) {
            return flag;
        }
        throw wrong(field, "boolean");
    }

    /** Whether there is such a field, and it is not null. */
    public boolean has(String field) {
        return fields.get(field) != null;
    }

    /** The line to print: a JSON object without a line feed. */
    public String toJson() {
        return JsonLine.write(this);
    }

    /**
     * Reads a line.
     *
     * @return null where the line is not a JSON object with a text field {@code event}
     */
    public static Event parse(String line) {
        return JsonLine.read(line);
    }

    private Object require(String field) {
        var value = fields.get(field);
        if (value == null) {
            throw new IllegalArgumentException(
                    "event " + name + " has no field " + field + ": " + fields);
        }
        return value;
    }

    private IllegalArgumentException wrong(String field, String wanted) {
        return new IllegalArgumentException(
                "event " + name + ": " + field + "=" + fields.get(field) + " is no " + wanted);
    }
}
