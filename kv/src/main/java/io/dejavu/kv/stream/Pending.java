package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What was posted of a stream and is still to be sent, oldest first. Neighbours become one, so a
/// peer that is slow finds few large pieces rather than many small ones, and the list stays short.
final class Pending {
  /// All these tokens of all these layers.
  record Area(LayerRange layers, TokenRange tokens) {
    /// How many tokens of one layer.
    long cells() {
      return (long) layers.count() * tokens.count();
    }

    private @Nullable Area with(Area other) {
      if (layers.equals(other.layers)
          && tokens.start() <= other.tokens.end()
          && other.tokens.start() <= tokens.end()) {
        return new Area(
            layers,
            new TokenRange(
                Math.min(tokens.start(), other.tokens.start()),
                Math.max(tokens.end(), other.tokens.end())));
      }
      if (tokens.equals(other.tokens)
          && layers.start() <= other.layers.end()
          && other.layers.start() <= layers.end()) {
        return new Area(
            new LayerRange(
                Math.min(layers.start(), other.layers.start()),
                Math.max(layers.end(), other.layers.end())),
            tokens);
      }
      return null;
    }
  }

  private final List<Area> areas = new ArrayList<>();
  private long cells;

  void add(Area area) {
    int place = areas.size();
    for (int i = areas.size() - 1; i >= 0; i--) {
      var joined = areas.get(i).with(area);
      if (joined != null) {
        cells -= areas.remove(i).cells();
        area = joined;
        place = i;
        i = areas.size(); // what it has become may have other neighbours
      }
    }
    areas.add(Math.min(place, areas.size()), area);
    cells += area.cells();
  }

  /// Takes the next piece.
  ///
  /// @param most cells, at least 1
  /// @param room only tokens before it
  /// @param wireTokens where a piece ends at a multiple of it, blocks stay whole
  /// @param whole rather nothing than less than all of an area
  /// @return null if there is nothing
  @Nullable Area take(long most, int room, int wireTokens, boolean whole) {
    for (int i = 0; i < areas.size(); i++) {
      var area = areas.get(i);
      var tokens = area.tokens();
      if (tokens.start() >= room) {
        continue;
      }
      var layers = area.layers();
      int end = Math.min(tokens.end(), room);
      long rows = (long) end - tokens.start();
      if (whole && layers.count() * rows > most) {
        return null;
      }
      int lastLayer = layers.end();
      int lastToken = end;
      if (layers.count() * rows > most) {
        lastLayer = layers.start() + (int) Math.max(1, most / rows);
        if (rows > most) {
          int cut = tokens.start() + (int) most;
          int aligned = cut - cut % wireTokens;
          lastToken = aligned > tokens.start() ? aligned : cut;
        }
      }
      var taken =
          new Area(
              new LayerRange(layers.start(), lastLayer), new TokenRange(tokens.start(), lastToken));
      areas.remove(i);
      if (end < tokens.end()) {
        areas.add(i, new Area(layers, new TokenRange(end, tokens.end())));
      }
      if (lastLayer < layers.end()) {
        areas.add(
            i,
            new Area(new LayerRange(lastLayer, layers.end()), new TokenRange(tokens.start(), end)));
      }
      if (lastToken < end) {
        areas.add(i, new Area(taken.layers(), new TokenRange(lastToken, end)));
      }
      cells -= taken.cells();
      return taken;
    }
    return null;
  }

  /// Takes what fills a record, or is due. Blocks stay whole where that is possible, also those
  /// whose tokens are still to come: what is left of a prompt's layers and the first tokens after
  /// it become one record.
  ///
  /// @param most cells of a record
  /// @param due tokens before it do not wait for others
  /// @param wireTokens tokens of a block
  /// @param all layers of the stream
  /// @return null if all can wait
  @Nullable Area takeRecord(long most, int due, int wireTokens, LayerRange all) {
    for (int i = 0; i < areas.size(); i++) {
      var area = areas.get(i);
      int end = recordEnd(area, due, wireTokens);
      if (isReady(area, end, most, due)) {
        var taken = record(area, end, most, wireTokens, all);
        areas.remove(i);
        cells -= area.cells();
        addRest(area, taken, end);
        return taken;
      }
    }
    return null;
  }

  /// Cells that {@link #takeRecord} would take one record after the other, more or less: 0 if and
  /// only if it takes nothing.
  long readyCells(long most, int due, int wireTokens) {
    long ready = 0;
    for (var area : areas) {
      int end = recordEnd(area, due, wireTokens);
      if (isReady(area, end, most, due)) {
        ready += (long) area.layers().count() * (end - area.tokens().start());
      }
    }
    return ready;
  }

  /// Up to which token an area may be written now.
  private static int recordEnd(Area area, int due, int wireTokens) {
    int end = area.tokens().end();
    return due >= end
        ? end
        : Math.max(end - end % wireTokens, Math.max(due, area.tokens().start()));
  }

  private static boolean isReady(Area area, int end, long most, int due) {
    int rows = end - area.tokens().start();
    return rows > 0 && (area.tokens().start() < due || area.layers().count() * (long) rows >= most);
  }

  /// The part of an area that fills a record best: some tokens of all its layers, or all tokens of
  /// some layers.
  private static Area record(Area area, int end, long most, int wireTokens, LayerRange all) {
    var layers = area.layers();
    int start = area.tokens().start();
    long rows = (long) end - start;
    if (layers.count() * rows <= most) {
      return new Area(layers, new TokenRange(start, end));
    }
    int rowsOfAll = rowsThatFit(start, most / layers.count(), wireTokens);
    int lastLayer = layers.start() + (int) Math.max(1, most / rows);
    int rowsOfSome = rows <= most ? (int) rows : rowsThatFit(start, most, wireTokens);
    boolean cutsTokens =
        rowsOfAll > 0
            && (layers.equals(all)
                || (long) rowsOfAll * layers.count()
                    >= (long) rowsOfSome * (lastLayer - layers.start()));
    return cutsTokens
        ? new Area(layers, new TokenRange(start, start + rowsOfAll))
        : new Area(
            new LayerRange(layers.start(), lastLayer), new TokenRange(start, start + rowsOfSome));
  }

  /// At most so many from a token on, to the end of a block if there is one.
  private static int rowsThatFit(int start, long most, int wireTokens) {
    int end = start + (int) Math.min(most, Integer.MAX_VALUE - start);
    int aligned = end - end % wireTokens;
    return (aligned > start ? aligned : end) - start;
  }

  private void addRest(Area area, Area taken, int end) {
    var layers = area.layers();
    int start = area.tokens().start();
    if (taken.tokens().end() < end) {
      add(new Area(taken.layers(), new TokenRange(taken.tokens().end(), end)));
    }
    if (taken.layers().end() < layers.end()) {
      add(new Area(new LayerRange(taken.layers().end(), layers.end()), new TokenRange(start, end)));
    }
    if (end < area.tokens().end()) {
      add(new Area(layers, new TokenRange(end, area.tokens().end())));
    }
  }

  /// Whether there is something before token `room`.
  boolean hasBefore(int room) {
    for (var area : areas) {
      if (area.tokens().start() < room) {
        return true;
      }
    }
    return false;
  }

  long cells() {
    return cells;
  }

  /// How many pieces it is in.
  int areas() {
    return areas.size();
  }
}
