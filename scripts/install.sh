#!/bin/sh
# Installs what is built here as a service of systemd, or removes it:
#
#   sudo scripts/install.sh install        or `sudo make install`; again with a later version to upgrade
#   sudo scripts/install.sh uninstall      keeps settings, logs, state and user, and says where they are
#
# PREFIX (/opt/atd-ingestion) is where it goes, UNITS (/etc/systemd/system), COMMANDS (/usr/local/bin) and MANUALS
# (/usr/local/share/man) where what belongs to it goes. With DESTDIR, for those who make packages, all goes below that directory,
# and neither a user is made nor systemd asked.
set -eu
cd "$(dirname "$0")/.."

NAME=atd-ingestion
PREFIX=${PREFIX:-/opt/$NAME}
DESTDIR=${DESTDIR:-}
SETTINGS=/etc/$NAME
UNITS=${UNITS:-/etc/systemd/system}
COMMANDS=${COMMANDS:-/usr/local/bin}
MANUALS=${MANUALS:-/usr/local/share/man}
HOME_DIRECTORY=/var/lib/$NAME

fail() {
  echo "$0: $1" >&2
  exit "$2"
}

# Whether this is an installation on a machine that runs systemd, not one for a package or an image.
asks_systemd() {
  [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]
}

reload() {
  if asks_systemd; then systemctl daemon-reload; fi
}

# The packages that the service runs, by the lock, and none of those that only develop it.
copy_packages() {
  node -p "Object.entries(require('./package-lock.json').packages).filter(([path, { dev }]) => path && !dev)
    .map(([path]) => path).filter(require('fs').existsSync).join('\n')" |
    while read -r package; do
      mkdir -p "$1/$(dirname "$package")"
      [ -e "$1/$package" ] || cp -R "$package" "$1/$package"
    done
}

# A unit of this installation; for instances by name each has its own settings, logs and state.
unit() {
  sed "s,/opt/$NAME,$PREFIX,g" $NAME.service
}

template() {
  unit | sed -e "s,^\(Description=.*\),\1 (%i)," -e "s,$SETTINGS/$NAME\.yaml,$SETTINGS/%i.yaml,g" \
    -e "s,$SETTINGS/environment,$SETTINGS/%i.environment,g" \
    -e "s,^\(LogsDirectory\|StateDirectory\)=.*,\1=$NAME/%i,"
}

install_all() {
  [ -e dist/lib/cli/main.js ] || fail "dist/ is not built: npm ci" 69
  [ -d node_modules ] || fail "node_modules is missing: npm ci --omit=dev" 69
  target=$DESTDIR$PREFIX
  # The new one is whole before it takes the place of the old one.
  rm -rf "$target.new"
  mkdir -p "$target.new/share/man/man1" "$DESTDIR$SETTINGS" "$DESTDIR$UNITS" "$DESTDIR$COMMANDS" "$DESTDIR$MANUALS/man1"
  cp -R bin docs libexec package.json package-lock.json LICENSE "$target.new/"
  cp etc/man/$NAME.1 "$target.new/share/man/man1/"
  mkdir "$target.new/dist"
  for part in dist/lib dist/as-cli.*; do cp -R "$part" "$target.new/dist/"; done
  copy_packages "$target.new"
  chmod -R u+rwX,go=rX "$target.new"
  rm -rf "$target.old"
  if [ -e "$target" ]; then mv "$target" "$target.old"; fi
  mv "$target.new" "$target"
  rm -rf "$target.old"
  for file in $NAME.yaml example-schema.json; do
    [ -e "$DESTDIR$SETTINGS/$file" ] || cp "etc/$file" "$DESTDIR$SETTINGS/$file"
  done
  unit >"$DESTDIR$UNITS/$NAME.service"
  template >"$DESTDIR$UNITS/$NAME@.service"
  ln -sf "$PREFIX/bin/$NAME" "$DESTDIR$COMMANDS/$NAME"
  ln -sf "$PREFIX/share/man/man1/$NAME.1" "$DESTDIR$MANUALS/man1/$NAME.1"
  if [ -z "$DESTDIR" ] && ! id $NAME >/dev/null 2>&1; then
    useradd --system --home-dir $HOME_DIRECTORY --shell /usr/sbin/nologin $NAME
  fi
  reload
  echo "installed $NAME $(node -p "require('./package.json').version") in $DESTDIR$PREFIX"
  echo "settings: $DESTDIR$SETTINGS/$NAME.yaml; start: systemctl enable --now $NAME; after an upgrade: systemctl restart $NAME"
}

uninstall_all() {
  if asks_systemd; then systemctl disable --now --quiet $NAME.service "$NAME@*.service" || true; fi
  rm -rf "$DESTDIR$PREFIX" "$DESTDIR$UNITS/$NAME.service" "$DESTDIR$UNITS/$NAME@.service"
  rm -f "$DESTDIR$COMMANDS/$NAME" "$DESTDIR$MANUALS/man1/$NAME.1"
  reload
  echo "removed $NAME; kept: $SETTINGS, /var/log/$NAME, $HOME_DIRECTORY, drop-ins below $UNITS, and the user $NAME"
}

case "$#:${1:-}" in
  1:install) install_all ;;
  1:uninstall) uninstall_all ;;
  *) fail "usage: $0 install|uninstall" 64 ;;
esac
