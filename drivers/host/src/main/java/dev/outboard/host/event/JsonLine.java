package dev.outboard.host.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Events to and from lines of JSON. Streams only: binding to classes would cost every short-lived
 * process a tenth of a second. Stateless; any thread.
 */
final class JsonLine {
    private static final JsonFactory FACTORY = new JsonFactory();
    private static final String NAME = "event";

    private JsonLine() {}

    static String write(Event event) {
        var text = new StringWriter();
        try (var out = FACTORY.createGenerator(text)) {
            out.writeStartObject();
            out.writeStringField(NAME, event.name());
            for (var field : event.fields().entrySet()) {
                out.writeFieldName(field.getKey());
                writeValue(out, field.getValue());
            }
            out.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("a text in memory could not be written", e);
        }
        return text.toString();
    }

    private static void writeValue(JsonGenerator out, Object value) throws IOException {
        switch (value) {
            case null -> out.writeNull();
            case Boolean flag -> out.writeBoolean(flag);
            case Double number when !Double.isFinite(number) -> out.writeNull();
            case Double number -> out.writeNumber(number);
            case Float number -> out.writeNumber(number);
            case Number number -> out.writeNumber(number.longValue());
            case Map<?, ?> map -> {
                out.writeStartObject();
                for (var entry : map.entrySet()) {
                    out.writeFieldName(String.valueOf(entry.getKey()));
                    writeValue(out, entry.getValue());
                }
                out.writeEndObject();
            }
            case Collection<?> items -> {
                out.writeStartArray();
                for (var item : items) {
                    writeValue(out, item);
                }
                out.writeEndArray();
            }
            default -> out.writeString(String.valueOf(value));
        }
    }

    static Event read(String line) {
        if (!line.startsWith("{")) {
            return null;
        }
        try (var in = FACTORY.createParser(line)) {
            in.nextToken();
            var fields = readObject(in);
            if (in.nextToken() != null || !(fields.remove(NAME) instanceof String name)) {
                return null;
            }
            return new Event(name, fields);
        } catch (IOException e) {
            // Not ours: another program's line that only begins like one.
            return null;
        }
    }

    private static Map<String, Object> readObject(JsonParser in) throws IOException {
        var fields = new LinkedHashMap<String, Object>();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            var name = in.currentName();
            in.nextToken();
            fields.put(name, readValue(in));
        }
        return fields;
    }

    private static List<Object> readArray(JsonParser in) throws IOException {
        var items = new ArrayList<>();
        while (in.nextToken() != JsonToken.END_ARRAY) {
            items.add(readValue(in));
        }
        return items;
    }

    private static Object readValue(JsonParser in) throws IOException {
        return switch (in.currentToken()) {
            case START_OBJECT -> readObject(in);
            case START_ARRAY -> readArray(in);
            case VALUE_NUMBER_INT -> in.getLongValue();
            case VALUE_NUMBER_FLOAT -> in.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            default -> in.getText();
        };
    }
}
