package dev.outboard.host.log;

import java.text.MessageFormat;
import java.util.ResourceBundle;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * A platform logger that is an SLF4J logger once it has something to say. The virtual machine asks
 * for loggers of its own in every process, and has nothing to say: those cost nothing.
 */
final class PlatformLogger implements System.Logger {
    private final String name;
    private final Level least;

    PlatformLogger(String name, boolean debugging) {
        this.name = name;
        this.least = debugging ? Level.DEBUG : Level.WARNING;
    }

    @Override
    public String getName() {
        return name;
    }

    @Override
    public boolean isLoggable(Level level) {
        return level != Level.OFF && level.getSeverity() >= least.getSeverity();
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
        if (isLoggable(level)) {
            at(level).setCause(thrown).log(localized(bundle, message));
        }
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String format, Object... values) {
        if (isLoggable(level)) {
            var text = localized(bundle, format);
            at(level)
                    .log(
                            values == null || values.length == 0
                                    ? text
                                    : MessageFormat.format(text, values));
        }
    }

    private static String localized(ResourceBundle bundle, String text) {
        return bundle != null && text != null && bundle.containsKey(text)
                ? bundle.getString(text)
                : String.valueOf(text);
    }

    private LoggingEventBuilder at(Level level) {
        var logger = LoggerFactory.getLogger(name);
        return switch (level) {
            case ERROR -> logger.atError();
            case WARNING -> logger.atWarn();
            case INFO -> logger.atInfo();
            default -> logger.atDebug();
        };
    }
}
